"""A pytest plugin that adds the connectors of a folder: `ADDED_KINDS=FOLDER pytest -p tests.connectors.app.added_kind ...`."""

from __future__ import annotations

import os

import connectors

connectors.__path__.append(os.environ["ADDED_KINDS"])
