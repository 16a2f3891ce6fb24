"""Texts that try to be more: for records, names, answers, files, reports, descriptions."""

MARK = "pwned"
"""What each script would leave behind, if it ran."""

TEXTS = (
    f"<script>window.{MARK}=1</script>",
    f"<img src=x onerror=window.{MARK}=1>",
    f'"><svg onload=window.{MARK}=1>',
    f"' autofocus onfocus=window.{MARK}=1 x='",
    f"</pre></code><iframe srcdoc='<script>parent.{MARK}=1</script>'>",
    f"</title><script>window.{MARK}=1</script>",
    f"javascript:window.{MARK}=1",
    "{{7*7}}{% raw %}${7*7}<%= 7*7 %>",
    "a\u202egnp.exe",
    "a\u2066b\u2069c\u200bd",
    "line\u2028and\u2029paragraph",
    "nul\x00bell\x07escape\x1b[31mred",
    "half \\ud800 of a character",
    '=HYPERLINK("http://evil.example","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "&lt;b&gt;&amp;amp;&#x3c;",
    "../../../../etc/passwd",
    "x" * 20_000,
    "<a href=//evil.example>click</a><base href=//evil.example>",
    "<style>*{display:none}</style><form action=//evil.example><button>go",
    "\u202e\u202e <!-- --!> <![CDATA[",
)
