"""``xtp lens``: what a transplanted run would answer after each layer."""

from __future__ import annotations

from xtransplant.bench.lens_flags import LensFlags

__all__ = ["lens"]


def lens(flags: LensFlags) -> None:
    """What the model would answer if it ended after each layer, with a transplant and without.

    On the bundled task and model: xtp lens -s ffn-swap --pair 7:6
    """
    from xtransplant.bench.lens import load_for_lens, plan_lens, run_lens
    from xtransplant.cli.console import quieten_plots, ready, results
    from xtransplant.cli.progress import Lines
    from xtransplant.grid.lens_shown import draw_lens, lens_json, render_lens

    lines = Lines(quiet=flags.quiet, verbose=flags.verbose, log_file=flags.log_file)
    plan = plan_lens(flags)
    with lines.doing(plan.loading):
        ready(verbose=flags.verbose)
        model = load_for_lens(plan)
    with lines.doing(f"running {plan.strategy}, ended after each layer"):
        found = run_lens(plan, model)
    if flags.as_json:
        print(lens_json(found))
    else:
        results().print(render_lens(found))
    if flags.plot is not None:
        quieten_plots()
        draw_lens(found, flags.plot)
