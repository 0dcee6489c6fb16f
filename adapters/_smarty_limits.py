"""How much Smarty takes at once, and how it numbers it (UPSTREAMS.md §4.2, §4.3)."""

MOST = 100  # lookups of one POST
MOST_BYTES = 32 * 1024  # "about 32 KB"
INPUT_ID, INPUT_INDEX = "input_id", "input_index"
