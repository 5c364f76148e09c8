"""Faces: camera, engine, templates, match. This process alone imports numpy, OpenCV and dlib."""
