"""A checkpoint loaded (``load``), as a ``Model`` (``model``) that knows where its sites are.

Which module holds a site is in the table of ``families``, which needs no torch. ``check`` compares
a loaded model with it.
"""
