"""The web console: pages for people who look after a daemon, or write its webhooks.

A process of its own and a client of the admin API: it can do nothing that the API cannot, holds no
secret of the daemon and no state but sessions, and never writes configuration. A request goes
through the gate (`access.gate`: Host, session, origin, headers), then to its page (`pages`), which
asks the daemon (`daemon_link`), shapes the answer and has it rendered (`rendering`). What is shown
of data passes `showing.plain`.
"""
