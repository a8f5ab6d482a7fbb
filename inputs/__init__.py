"""Checks of user input: strict models, sentences for wrong input, settings from the environment. Knows no HTTP.

A new way to check or explain input goes here. The models themselves are next to the code that they configure.
"""
