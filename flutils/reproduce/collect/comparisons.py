"""What the saved results say of the control: is it the examples, or only longer training?"""

from flutils.claims import Comparison
from flutils.reproduce.collect.results import Results

_RESULTS = ("feedback", "fig3", "table3")  # in the order of the notebooks


def collect_comparisons(found: Results) -> dict[str, list[Comparison]]:
    """Collect the comparisons with the control.

    Args:
        found: what `read_results` returned.

    Returns:
        dataset -> its comparisons in the order of the notebooks; no dataset that has none.
    """
    comparisons = {
        dataset: [
            Comparison(**item) for name in _RESULTS for item in results.get(name, {}).get("comparisons", ())
        ]
        for dataset, results in found.items()
    }
    return {dataset: items for dataset, items in comparisons.items() if items}
