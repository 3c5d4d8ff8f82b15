"""Small faults, one at a time: where an operator, a bound, a constant or a check of a source may be changed.

Left alone are docstrings, annotations, decorators, class bodies, what is imported for type checkers only, and the texts
of messages: a test should not hold these.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

SWAPPED = {
    ast.Lt: ("<=", ">="), ast.LtE: ("<", ">"), ast.Gt: (">=", "<="), ast.GtE: (">", "<"),
    ast.Eq: ("!=",), ast.NotEq: ("==",), ast.Is: ("is not",), ast.IsNot: ("is",),
    ast.In: ("not in",), ast.NotIn: ("in",),
    ast.Add: ("-",), ast.Sub: ("+",), ast.Mult: ("/",), ast.Div: ("*",), ast.Pow: ("*",), ast.FloorDiv: ("/",),
    ast.Mod: ("//",), ast.BitAnd: ("|",), ast.BitOr: ("&",), ast.And: ("or",), ast.Or: ("and",),
}  # fmt: skip

NAMED = {"isinstance", "issubclass", "cast", "getattr", "hasattr"}  # swapped, these end at once
EVEN = {"min", "max", "np.minimum", "np.maximum", "np.array_equal"}  # swapped, these say the same


@dataclass(frozen=True)
class Mutant:
    """One fault: ``old`` at a place in a file becomes ``new``. ``statement`` is the line where its statement begins."""

    path: str
    function: str
    line: int
    column: int
    end_line: int
    end_column: int
    statement: int
    old: str
    new: str
    default: bool  # in the default of an argument

    def apply(self, source: str) -> str:
        """The source with the fault in it, and as many lines as before."""
        lines = source.encode().splitlines(keepends=True)  # columns count bytes
        head = b"".join(lines[: self.line - 1]) + lines[self.line - 1][: self.column]
        tail = lines[self.end_line - 1][self.end_column :] + b"".join(lines[self.end_line :])
        text = "(" + self.new + "\n" * (self.end_line - self.line) + ")" if self.new != "pass" else self.new
        if self.new == "pass":
            tail = tail.replace(b"\n", b"\n" * (1 + self.end_line - self.line), 1)
        return (head + text.encode() + tail).decode()

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.function}: {self.old!r} -> {self.new!r}"


def mutants(path: str) -> list[Mutant]:
    """All faults of the functions, and of the constants, of one file."""
    source = Path(path).read_text(encoding="utf-8")
    finder = _Finder(path, source)
    finder.visit(ast.parse(source))
    return finder.found


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, source: str) -> None:
        self.path, self.source = path, source
        self.scope: list[str] = []
        self.inside, self.statement, self.default, self.found = False, 0, False, []

    def add(self, node: ast.AST, new: str) -> None:
        old = ast.get_source_segment(self.source, node) or ""
        place = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        name = ".".join(self.scope) or "module"
        self.found.append(Mutant(self.path, name, *place, self.statement, " ".join(old.split()), new, self.default))

    def text(self, node: ast.AST) -> str:
        return f"({ast.unparse(node)})"

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            self.statement = node.lineno
        super().visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.scope.append(node.name)
        for child in node.body:
            if isinstance(child, ast.FunctionDef):
                self.visit(child)
        self.scope.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.scope.append(node.name)
        outer, self.inside = self.inside, True
        if not outer:  # an inner function's defaults are the outer one's business
            self.default = True
            for value in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
                self.visit(value)
            self.default = False
        for child in node.body:
            self.visit(child)
        self.inside = outer
        self.scope.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        simple = len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and node.targets[0].id != "__all__"
        if self.inside or (simple and isinstance(node.value, ast.Constant | ast.BinOp | ast.UnaryOp)):
            self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if self.inside and node.value is not None:
            self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if self.inside:
            raises = isinstance(node.body[-1], ast.Raise) and not node.orelse
            self.add(node.test, "False" if raises else f"not {self.text(node.test)}")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.add(node.test, f"not {self.text(node.test)}")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and self.inside:
            self.add(node, "pass")
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        """A message is not looked at."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Nor is text."""

    def visit_Call(self, node: ast.Call) -> None:
        if ast.unparse(node.func) == "object.__setattr__":  # how a frozen class assigns
            return self.visit(node.args[-1])
        plain = not any(isinstance(argument, ast.Starred) for argument in node.args[:2])
        if self.inside and plain and len(node.args) > 1 and ast.unparse(node.func) not in NAMED | EVEN:
            one, two = node.args[:2]
            if ast.unparse(one) != ast.unparse(two):
                self.add(node, ast.unparse(ast.Call(node.func, [two, one, *node.args[2:]], node.keywords)))
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in ("strict", "help", "rich_help_panel", "metavar", "stacklevel"):  # guards and help
            self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        for at, op in enumerate(node.ops):
            for symbol in SWAPPED[type(op)]:
                parts = [self.text(node.left)]
                for j, (other, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
                    was = ast.unparse(ast.Compare(ast.Name("a"), [other], [ast.Name("b")]))[2:-2]
                    parts += [symbol if j == at else was, self.text(right)]
                self.add(node, " ".join(parts))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        texts = any(isinstance(x, ast.JoinedStr) or _is_text(x) for x in ast.walk(node))
        for symbol in SWAPPED.get(type(node.op), ()):
            names = ast.unparse(node).replace(" | ", "").replace(".", "")
            types = isinstance(node.op, ast.BitOr) and names.isidentifier()
            if not texts and not types:
                self.add(node, f"{self.text(node.left)} {symbol} {self.text(node.right)}")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.add(node, f" {SWAPPED[type(node.op)][0]} ".join(map(self.text, node.values)))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            self.add(node, ast.unparse(node.operand))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self.add(node, str(not value))
        elif isinstance(value, int):
            self.add(node, str(value + 1))
        elif isinstance(value, float):
            self.add(node, repr(value * (1000 if abs(value) < 1e-2 else 2) if value else 1.0))
        elif isinstance(value, str | bytes) and value and len(value.split()) == 1:
            self.add(node, repr(value + value[:1]))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
