"""What the source's last token holds, told by the model: it is put into an inspection prompt.

    resid_post_j(target)[-token] := resid_post_i(source)[last]

The target is a prompt with a placeholder, such as "cat -> cat; 135 -> 135; hello -> hello; x ->",
and the generation says what was put in its place. Option token counts the placeholder's place from
the prompt's end: 1 is the last token, 2 (the default) the one before it, here the x where the model
has one token for the arrow; xtp show patchscope -m MODEL --target "..." says which token it is.
Ghandeharioun et al., Patchscopes, arXiv 2401.06102; across languages Dumas et al., arXiv
2411.08745.

Run it: xtp trace --strategy patchscope -S token=2 --generate --source "Mji mkuu wa Ufaransa ni" \
    --target "cat -> cat; 135 -> 135; hello -> hello; x ->" -m MODEL
"""

from xtransplant import strategy


@strategy("patchscope")
def patchscope(source, target, i, j, token: int = 2):
    if token < 1:
        raise ValueError(f"token={token} counts from the prompt's end: 1 is its last token")
    target.resid_post[j, -token] = source.resid_post[i]
