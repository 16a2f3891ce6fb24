"""Finding deliveries among very many: pages that take a bounded time, and what they look for."""
