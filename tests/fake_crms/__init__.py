"""CRMs as their documents describe them, one module each: strict, and quick, as no socket is used.

Each refuses parameters that its API does not know, so that a preset cannot ask for what is read
over in silence. They stand for the shape of an API, and prove nothing of the service itself.
"""
