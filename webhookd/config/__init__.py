"""YAML in, definitions out: the only package that knows what the configuration file looks like.

`loading` is the way in.
"""
