"""A checkpoint loaded (``load``), as a ``Model`` (``model``) that knows where its sites are.

Which module holds a site is in ``family_table``, in the words of ``families``; neither needs torch.
``check`` compares a loaded model with it.
"""
