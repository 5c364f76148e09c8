"""Mutation testing of the interlock: what if this line were wrong, would a test notice?"""
