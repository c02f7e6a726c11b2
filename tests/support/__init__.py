"""What the tests share: builders of captures, the labelled captures, comparisons."""
