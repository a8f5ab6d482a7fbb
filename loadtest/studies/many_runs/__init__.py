"""Runs spread over the cores of this machine, or over a cluster.

How work is handed out and results are collected goes here. It does not know what the runs are for.
"""
