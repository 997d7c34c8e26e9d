"""Rows of a dataset, from the hub or from a folder that is laid out as one, streamed through the datasets library.

Its environment variables hold: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from app.engine.errors import UserError
from app.engine.texts.records import HUB, SourceFacts, TextSource
from app.engine.texts.tables import DATASET, Row, flat, named, text_columns

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_PREFERRED_SPLITS = ("test", "validation", "train")
_PEEK = 20
_PREVIEW = 500
_PATIENCE = 10.0
"""Seconds."""
# Readers of the library that load_dataset takes by name; they would read the folder the app was started in.
_READERS = frozenset(
    ("arrow", "audiofolder", "csv", "imagefolder", "json", "pandas", "parquet", "text", "videofolder", "webdataset")
)


def dataset_rows(source: TextSource, preferred: Sequence[str] = _PREFERRED_SPLITS) -> Iterator[Row]:
    """The rows of one split, as they come; where none is named, of the first of `preferred` that is there.

    Raises UserError when the dataset, or its next row, cannot be had.
    """
    chosen = _split_of(_splits(source), source, preferred)
    columns = chosen.column_names
    wanted = {column if column in (columns or ()) else column.partition(".")[0] for column in _columns_of(source)}
    if columns and source.column:
        if missing := wanted.difference(columns):
            raise UserError(f"{source.path} has no column “{min(missing)}”.", f"Choose one of: {named(columns)}.")
        chosen = chosen.select_columns(sorted(wanted))
    with _errors(source.path):
        rows = iter(chosen)
    number = 0
    while True:
        with _errors(source.path):
            row = next(rows, None)
        if row is None:
            return
        number += 1
        yield f"row {number}", row


def look_at_dataset(path: str, config: str = "", split: str = "") -> SourceFacts:
    """What a dataset is, from the first rows of a split; `size` is 0. Raises UserError as `dataset_rows` does."""
    source = TextSource(HUB, path, path=path, config=config, split=split)
    rows = [flat(row) for _, row in islice(dataset_rows(source), _PEEK)]
    columns = text_columns(rows)
    first = "text" if "text" in columns else next(iter(columns), "")
    preview = next((row[first] for row in rows if isinstance(row.get(first), str) and row[first]), "")
    return SourceFacts(path, 0, DATASET, "", False, columns, preview[:_PREVIEW])


def revision_of(source: TextSource) -> str:
    """The commit that a dataset of the hub stands at, '' for a folder. Raises UserError when the hub cannot say."""
    return "" if Path(source.path).is_dir() else _require_on_hub(source.path, source.revision)


def _columns_of(source: TextSource) -> list[str]:
    return [column for column in (source.column, source.source_column) if column]


def _splits(source: TextSource) -> dict[str, Any]:
    """The splits of a dataset by name; nothing but their first bytes is read."""
    ref = source.path
    # What is read is one commit, whatever comes to the hub meanwhile.
    revision = revision_of(source)
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    where = ref if revision else str(Path(ref).resolve())
    with _errors(ref):
        try:
            return dict(datasets.load_dataset(where, source.config or None, streaming=True, revision=revision or None))
        except ValueError as error:
            _require_config(where, source, revision, error)
            raise


def _split_of(splits: dict[str, Any], source: TextSource, preferred: Sequence[str]) -> Any:
    """The split that is asked for, without pictures and sounds being decoded beside its texts."""
    name = source.split or next((name for name in preferred if name in splits), next(iter(splits)))
    if name not in splits:
        raise UserError(f"{source.path} has no split “{name}”.", f"Choose one of: {named(splits)}.")
    split = splits[name]
    return split if split.features is None else split.decode(False)


def _require_config(where: str, source: TextSource, revision: str, error: ValueError) -> None:
    """Raise UserError when the trouble is the configuration; the library says so only in a text."""
    import datasets

    configs = datasets.get_dataset_config_names(where, revision=revision or None)
    if source.config and source.config not in configs:
        fact = f"{source.path} has no configuration “{source.config}”."
    elif not source.config and len(configs) > 1:
        fact = f"{source.path} has {len(configs)} configurations, and one has to be chosen."
    else:
        return
    raise UserError(fact, f"Choose one of: {named(configs)}.") from error


def _require_on_hub(ref: str, revision: str) -> str:
    """The dataset's commit. Raises UserError unless the hub has it and lets it be read.

    Asked first because the library, without network, tries for half a minute, and says the same of most failures.
    """
    if Path(ref).exists():
        raise UserError(f"{ref} is a file, not a dataset.", "Open it as a file.")
    if not _HUB_ID.fullmatch(ref) or ref in _READERS:
        raise UserError(
            f"“{ref}” is neither a folder here nor the name of a dataset.",
            "Names on the hub have the form owner/name; check the spelling.",
        )
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        raise UserError(
            f"“{ref}” is not a folder on this machine, and HF_HUB_OFFLINE forbids using the network.",
            "Start Unembed without HF_HUB_OFFLINE, or open a folder with the dataset's files.",
        )
    import httpx2
    from huggingface_hub import HfApi, errors

    try:
        hub = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
        found = hub.dataset_info(ref, revision=revision or None, timeout=_PATIENCE)
    except errors.GatedRepoError as error:
        raise UserError(
            f"The dataset {ref} is gated: its owner wants to be asked.",
            f"Accept its terms at https://huggingface.co/datasets/{ref}, then start Unembed with HF_TOKEN set.",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{ref} has no revision “{revision}”.", "Read its newest one.") from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise UserError(
            f"The hub knows no dataset “{ref}”, or it is private.",
            "Check the spelling (owner/name). A private dataset needs HF_TOKEN.",
        ) from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise UserError(f"The hub answered {status} for “{ref}”.", "Try again in a while.") from error
    except (OSError, httpx2.TransportError) as error:
        raise _unreachable(ref) from error
    return str(found.sha or "main")


@contextmanager
def _errors(ref: str) -> Iterator[None]:
    """Turn what the library says into sentences."""
    import httpx2
    from datasets.data_files import EmptyDatasetError
    from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError

    try:
        yield
    except UserError:
        raise
    except (DataFilesNotFoundError, EmptyDatasetError) as error:
        raise UserError(
            f"{ref} has no data files that can be read.", "A dataset holds Parquet, JSONL, CSV or text files."
        ) from error
    except DatasetNotFoundError as error:
        raise UserError(
            f"The hub knows no dataset “{ref}”, or it is private.", "Check the spelling; a private one needs HF_TOKEN."
        ) from error
    except (ConnectionError, httpx2.TransportError) as error:
        raise _unreachable(ref) from error
    except Exception as error:  # the library raises whatever its many readers do
        if "scripts are no longer supported" in str(error):
            raise UserError(
                f"{ref} is made by a script of its own, which is not run.",
                "Look for a copy with Parquet files; many datasets have one on the hub.",
            ) from error
        said = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        raise UserError(
            f"The dataset {ref} cannot be read ({said}).", "Download its files and open one of them as a file."
        ) from error


def _unreachable(ref: str) -> UserError:
    return UserError(
        f"The hub could not be reached for “{ref}”.", "Check the network; files on this computer open without it."
    )
