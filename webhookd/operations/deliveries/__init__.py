"""What people ask of deliveries, and do to them."""
