"""What people type, checked: strict models, wrong input as sentences, settings from the environment. Knows no HTTP.

A new way to check or explain input goes here. The models themselves stand beside the code that they configure.
"""
