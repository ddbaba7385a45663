"""Policies: what each ad should get if it could move freely. The gate and the projection come after them."""
