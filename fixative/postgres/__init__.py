"""Postgres holds the truth: tables, leases, ticks."""
