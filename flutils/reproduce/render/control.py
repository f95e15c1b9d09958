"""What the feedback examples do beyond longer training, as markdown."""

from flutils.claims import CONTROL, format_difference, format_significant
from flutils.paper import FL, ORI
from flutils.reproduce.collect import Results, collect_comparisons
from flutils.reproduce.render.markdown import make_table, spell_dataset

_VALUES = (ORI, CONTROL, FL)
_DIFFERENCES = (f"{CONTROL} − {ORI}", f"{FL} − {CONTROL}")


def render_control(found: Results) -> str:
    """Render what the results compare with the control, in the order of the notebooks; empty if nothing."""
    rows = [
        [
            spell_dataset(dataset),
            item.measure,
            *(format_significant(item.values[model], 4) for model in _VALUES),
            *(format_difference(item.differences[pair]) for pair in _DIFFERENCES),
        ]
        for dataset, items in collect_comparisons(found).items()
        for item in items
    ]
    if not rows:
        return ""
    caption = (
        "Is it the examples, or only longer training? The control is retrained as F.L. is, step for step, but"
        " each example is replaced by the sample it was made from; the paper has none. A difference has its"
        " 95 % interval over samples or test images, and an asterisk where that leaves out 0; each model was"
        " trained once, and how much another training would differ is not in it."
    )
    return f"{caption}\n\n{make_table(['dataset', 'measure', *_VALUES, *_DIFFERENCES], rows, left=2)}"
