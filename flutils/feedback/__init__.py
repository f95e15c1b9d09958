"""Feedback learning's examples: choose samples by class robustness, make examples, see which cross.

Everything is read from a `flutils.margins.MarginTable`, so it works on any classifier and any images, and
again on the table of a model that was retrained before.
"""

from flutils.feedback.controls import add_noise, copy_samples
from flutils.feedback.crossing import CrossingReport, measure_crossing
from flutils.feedback.dose import count_examples, match_rays
from flutils.feedback.examples import FORMAT, FeedbackExamples, make_examples
from flutils.feedback.selection import Selection, choose_samples

__all__ = [
    "FORMAT",
    "CrossingReport",
    "FeedbackExamples",
    "Selection",
    "add_noise",
    "choose_samples",
    "copy_samples",
    "count_examples",
    "make_examples",
    "match_rays",
    "measure_crossing",
]
