"""What comes in: wakes, requests that say that a source has news.

A listener of its own, which serves nothing else and is not there unless somebody asked for it.
"""
