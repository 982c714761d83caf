"""Every module can be imported by itself, whatever was imported before it."""

import graphlib

import grimp


def test_no_module_waits_for_one_that_imports_it() -> None:
    graph = grimp.build_graph("deployzero", exclude_type_checking_imports=True, cache_dir=None)
    needs = {
        module: {
            package
            for imported in graph.find_modules_directly_imported_by(module)
            for package in with_packages(imported) - with_packages(module)
        }
        for module in graph.modules
    }
    assert len(needs) > 100
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError, which names the cycle


def with_packages(module: str) -> set[str]:
    """Whose files run before it can be used: `a.b.c` is preceded by `a` and `a.b`."""
    parts = module.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
