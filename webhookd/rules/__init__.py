"""Pure rules: from change to delivery, from reply to outcome. No clock, dice, disk or network."""
