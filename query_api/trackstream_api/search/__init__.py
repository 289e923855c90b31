"""Search: MLflow's filter grammar, ordering and paging, compiled to one statement of the engine each.

    text --tokens--> tokens --grammar--> comparisons --compile_*--> Statement --page--> ids, next token

The grammar follows MLflow's documentation of `search_runs` and `search_experiments`.
"""

from trackstream_api.search.compile_experiments import ExperimentSearch, search_experiments_statement
from trackstream_api.search.compile_runs import (
    INACTIVE_EXPERIMENTS,
    RunSearch,
    leading_candidates_statement,
    leading_row,
    leading_runs_statement,
    matching_rows,
    search_runs_statement,
    single_metric,
)
from trackstream_api.search.page_token import Page, page
from trackstream_api.search.statement import Statement

__all__ = [
    "INACTIVE_EXPERIMENTS",
    "ExperimentSearch",
    "Page",
    "RunSearch",
    "Statement",
    "leading_candidates_statement",
    "leading_row",
    "leading_runs_statement",
    "matching_rows",
    "page",
    "search_experiments_statement",
    "search_runs_statement",
    "single_metric",
]
