"""The light that skin mirrors, taken off photos; and the colour of the light itself."""

from lib.highlights.options import HighlightOptions
from lib.highlights.original import at_original_size
from lib.highlights.remove import HighlightTools, remove_highlights

__all__ = ["HighlightOptions", "HighlightTools", "at_original_size", "remove_highlights"]
