"""Faces, for box and bridge alike: engines that find and describe them, what makes two of them one person, templates.

Imports nothing of ours but `contracts`, opens no camera and no socket. The box asks it who stands before the camera,
the bridge what an enrolment is worth; both need the extra `vision`.
"""
