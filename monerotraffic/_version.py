"""The version of the package. pyproject.toml reads it from here."""

__version__ = "0.1.0"
"""The version of the package.

>>> import monerotraffic as mt
>>> mt.__version__.count(".")
2
"""
