"""Templates as the file writes them: Jinja's lexer and parser read what stands in `{{ … }}`.

Jinja renders nothing here: its nodes are held against a short list and become definitions.
"""
