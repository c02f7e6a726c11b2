"""Data sets of Parquet: captures decoded once, and read in parts. docs/how-to/data_set.md explains
them.
"""

from __future__ import annotations

try:
    import pyarrow  # noqa: F401
except ImportError as error:
    raise ImportError("data sets require pyarrow: pip install 'monerotraffic[store]'") from error

from monerotraffic.store.dataset import Dataset, DatasetTable
from monerotraffic.store.manifest import DataSetError
from monerotraffic.store.writing import decode, keep

__all__ = ["DataSetError", "Dataset", "DatasetTable", "decode", "keep", "open"]


def open(folder: str) -> Dataset:
    """Opens a data set that decode wrote. Raises FileNotFoundError, DataSetError and OSError.

    >>> import monerotraffic as mt
    >>> mt.open("traffic").messages.to_pandas(columns=["peer", "name"]).head(2)
               peer                   name
    0  203.0.113.11              HANDSHAKE
    1  203.0.113.11  GET_TXPOOL_COMPLEMENT
    """
    return Dataset(folder)
