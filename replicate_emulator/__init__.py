"""A local Replicate: stateful, faithful where it matters, with faults on demand.

It stands alone: nothing here knows the product that is tested against it.
"""
