"""What the syntax tree of a user's query may consist of; everything that is not named here is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from trackstream_api.errors import SqlRefused
from trackstream_api.sql_guard.functions import HIGHER_ORDER, TYPE_NAMES, is_allowed
from trackstream_api.sql_guard.views import COLUMNS, VIEWS

if TYPE_CHECKING:
    from collections.abc import Collection

DATABASE = "trackstream"
CTE_PREFIX = "cte_"

_NODE_NAMES = """
    Select Union Intersect Except Subquery With CTE TableAlias Table From Join Where PreWhere Group Rollup
    Cube GroupingSets Having Qualify Order Ordered WithFill Limit LimitOptions Offset Distinct
    Alias Aliases Column Identifier Dot Star Literal Null Boolean HexString RawString
    Paren Tuple Array Bracket And Or Xor Not EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ Is In Between
    Like ILike Add Sub Mul Div Mod Neg DPipe Concat Case If Exists
    Cast CastToStrType DataType DataTypeParam Interval Var Extract Trim Lambda Placeholder
    Window WindowSpec Filter IgnoreNulls RespectNulls
    Anonymous AnonymousAggFunc CombinedAggFunc ParameterizedAgg CombinedParameterizedAgg
    """

_CLAUSE_NAMES = """
    with_ expressions from_ joins where prewhere group having qualify windows order limit offset distinct
    this expression by_name side kind on alias
    """
_NODES = frozenset(_NODE_NAMES.split())
_CLAUSES = frozenset(_CLAUSE_NAMES.split())
_TABLE_PARTS = frozenset({"this", "db", "alias", "joins"})
_NOT_ALLOWED_CLAUSE = (
    "a query without it: SETTINGS, FORMAT, INTO, FINAL, SAMPLE and hints are not for user SQL"
)
_CALLS = (
    exp.Anonymous,
    exp.AnonymousAggFunc,
    exp.CombinedAggFunc,
    exp.ParameterizedAgg,
    exp.CombinedParameterizedAgg,
)


def check_tree(query: exp.Expr) -> None:
    """Raise SqlRefused, naming the part, where the tree has anything that is not allowed."""
    for node in query.walk():
        _check_node(node)
    known = COLUMNS | VIEWS | {"ALL", "all"} | _declared(query)
    for node in query.walk():
        if isinstance(node, exp.Table):
            _check_table(node)
        elif isinstance(node, exp.In):
            _check_in(node)
        elif isinstance(node, _CALLS):
            _check_call(node)
        elif isinstance(node, exp.Column):
            _check_column(node, known)
        elif isinstance(node, exp.Placeholder):
            _check_placeholder(node)


def placeholders(query: exp.Expr) -> set[str]:
    """Return the names of the {name:Type} parameters."""
    return {str(node.name) for node in query.find_all(exp.Placeholder)}


def rename_ctes(query: exp.Expr) -> None:
    """Give every CTE a name that no table has.

    Should the engine see a CTE in fewer places than we do, the name is then unknown there, and never that
    of a table behind it.
    """
    references = [node for node in query.find_all(exp.Table) if not node.args.get("db")]
    references = [node for node in references if node.name not in VIEWS or node.name in _visible(node)]
    in_fields = [node for node in query.find_all(exp.In) if isinstance(node.args.get("field"), exp.Column)]
    for table in references:
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        table.set("this", exp.to_identifier(CTE_PREFIX + table.name, quoted=True))
    for membership in in_fields:
        field = membership.args["field"]
        field.set("this", exp.to_identifier(CTE_PREFIX + field.name, quoted=True))
    for cte in query.find_all(exp.CTE):
        if _is_query(cte):
            cte.args["alias"].set("this", exp.to_identifier(CTE_PREFIX + cte.alias, quoted=True))


def _check_node(node: exp.Expr) -> None:
    kind = type(node).__name__
    if isinstance(node, exp.IntDiv):
        # sqlglot would write it as a CAST, which has another type.
        raise SqlRefused("DIV", "intDiv(a, b)")
    if kind not in _NODES:
        shown = _shown(node)
        raise SqlRefused(shown, f"one read-only SELECT over the v_* views ({kind} is not part of that)")
    if isinstance(node, exp.Select | exp.SetOperation | exp.Subquery):
        for part, value in node.args.items():
            if value and part not in _CLAUSES:
                raise SqlRefused(part.strip("_").upper(), _NOT_ALLOWED_CLAUSE)
    if isinstance(node, exp.With) and node.args.get("recursive"):
        raise SqlRefused("WITH RECURSIVE", "a WITH that does not refer to itself")


def _check_table(table: exp.Table) -> None:
    extra = [part for part, value in table.args.items() if value and part not in _TABLE_PARTS]
    name = table.this
    expected = f"one of the views {', '.join(sorted(VIEWS))}, or a name from WITH"
    if not isinstance(name, exp.Identifier) or extra:
        raise SqlRefused(_shown(table), f"{expected}; not a table function", position=_start(name))
    database = table.args.get("db")
    if database is not None:
        if database.name != DATABASE or name.name not in VIEWS:
            raise SqlRefused(_shown(table), expected, position=_start(database))
        # The session is in the right database, whatever that is called.
        table.set("db", None)
        if name.name in _visible(table):
            raise SqlRefused(_shown(table), "a WITH whose names are not those of views")
    elif name.name not in VIEWS and name.name not in _visible(table):
        raise SqlRefused(_shown(table), expected, position=_start(name))


def _check_in(membership: exp.In) -> None:
    field = membership.args.get("field")
    if isinstance(field, exp.Placeholder):
        return
    if field is not None and not (
        isinstance(field, exp.Column) and not field.args.get("table") and field.name in _visible(membership)
    ):
        raise SqlRefused(
            _shown(membership), "a list, a subquery or a name from WITH on the right of IN, no table"
        )
    listed = membership.expressions
    if len(listed) == 1 and isinstance(_bare(listed[0]), exp.Column | exp.Identifier | exp.Dot):
        # The engine takes `x IN (name)` for the table of that name.
        raise SqlRefused(_shown(membership), "= for one column, or a list of values, on the right of IN")


def _check_call(call: exp.Expr) -> None:
    name = str(call.this) if not isinstance(call.this, exp.Expr) else call.this.name
    if not is_allowed(name):
        raise SqlRefused(f"{name}()", "a function of the documented list", position=_start(call))
    arguments = call.expressions
    if name.casefold() in HIGHER_ORDER and len(arguments) > 1:
        first = _bare(arguments[0])
        if isinstance(first, exp.Column | exp.Identifier | exp.Var | exp.Dot):
            raise SqlRefused(_shown(call), f"a lambda such as x -> x + 1 as the first argument of {name}")


def _check_column(column: exp.Column, known: Collection[str]) -> None:
    # The engine takes some bare names for functions (currentDatabase, user), so only known names pass.
    parts = [column.args.get(part) for part in ("catalog", "db", "table", "this")]
    first = next(part for part in parts if part is not None)
    if isinstance(first, exp.Identifier) and first.name not in known:
        right = "a column of the views, or a name that the query gives to something"
        raise SqlRefused(first.name, right, position=_start(first))


def _check_placeholder(placeholder: exp.Placeholder) -> None:
    kind = placeholder.args.get("kind")
    if not isinstance(kind, exp.DataType) or not placeholder.name:
        raise SqlRefused(_shown(placeholder), "a typed parameter such as {name:String}")
    outer = kind.sql(dialect="clickhouse").partition("(")[0]
    if outer.casefold() not in TYPE_NAMES:
        raise SqlRefused(
            _shown(placeholder), "a parameter of a data type such as String, Int64 or Array(String)"
        )


def _declared(query: exp.Expr) -> set[str]:
    """Return every name that the query itself gives: to columns, tables, lambda arguments, windows."""
    names: set[str] = set()
    for node in query.walk():
        if isinstance(node, exp.Alias | exp.CTE | exp.Table | exp.Subquery | exp.Window) and node.alias:
            names.add(node.alias)
        if isinstance(node, exp.TableAlias):
            names.update(column.name for column in node.args.get("columns") or ())
        elif isinstance(node, exp.Aliases):
            names.update(alias.name for alias in node.args.get("expressions") or ())
        elif isinstance(node, exp.Lambda):
            names.update(argument.name for argument in node.expressions)
    return names


def _visible(node: exp.Expr) -> set[str]:
    """Return the names of the CTEs that can be read where the node stands."""
    names: set[str] = set()
    child: exp.Expr = node
    parent = node.parent
    while parent is not None:
        if isinstance(parent, exp.With):
            # Inside a CTE those before it are known, itself is not.
            for cte in parent.expressions:
                if cte is child:
                    break
                if _is_query(cte):
                    names.add(cte.alias)
        else:
            beside = parent.args.get("with_")
            if beside is not None and beside is not child:
                names.update(cte.alias for cte in beside.expressions if _is_query(cte))
        child, parent = parent, parent.parent
    return names


def _is_query(cte: exp.CTE) -> bool:
    return not cte.args.get("scalar") and isinstance(cte.this, exp.Select | exp.SetOperation | exp.Subquery)


def _bare(node: exp.Expr) -> exp.Expr:
    """Return what is inside parentheses and aliases."""
    while True:
        if isinstance(node, exp.Paren | exp.Alias):
            node = node.this
        elif isinstance(node, exp.Tuple) and len(node.expressions) == 1:
            node = node.expressions[0]
        else:
            return node


def _start(node: object) -> int | None:
    """Return where the node stands in the query, as far as the parser has noted that."""
    found = node.meta.get("start") if isinstance(node, exp.Expr) else None
    return found if isinstance(found, int) else None


def _shown(node: exp.Expr) -> str:
    return node.sql(dialect="clickhouse", comments=False)[:200]
