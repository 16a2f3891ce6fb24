"""Templates at work: from a change to the text of a body, a URL or a header.

Rendering never fails because of a value: every filter is total, and what is absent is null or
empty. It ends early in one case only, when the result grows beyond its bound (`TooLargeError`).
"""
