"""A build folder as jhalfs lays it out, whose Makefile really builds small C packages with configure scripts."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

__all__ = ["Tree"]

_CONFIGURE = """#!/bin/sh
echo "checking for gcc... gcc"
echo "checking whether the C compiler works... yes"
echo "configure: creating ./config.status"
for part in a b c; do echo "int $part;" > $part.c; done
cat > Makefile <<'END'
all: program
program: a.o b.o c.o main.o
\tgcc -o program a.o b.o c.o main.o
%.o: %.c
\tgcc -O1 -c $< -o $@
check: program
\t./program && echo "PASS: program"
install: program
\t/usr/bin/install -c program $(DESTDIR)/program
END
"""

_SCRIPT = """#!/bin/bash
set -e
cd {sources}
SECONDS=0
tar -xf {name}-{version}.tar.gz
cd {name}-{version}
./configure
make
make check >> {test_log} 2>&1 || true
mkdir -p {root}/dest
make DESTDIR={root}/dest install
echo -e "\\nTotalseconds: $SECONDS"
"""

_RULE = """
{target}: {previous}
\t@echo --------------------------------------------------------------------------------
\t@echo -e "\\e[1mBuilding target \\e[1;34m$@\\e[0m"
\t@printf '\\e[2K\\e[2G[\\e[63G]\\e[65G0 min. 0 sec'
\t@echo -e "\\n`LC_ALL=C TZ=UTC date`\\n" >logs/$@
\t@echo -e "\\nKB: {before}\\t/\\n" >>logs/$@
\t@$(call unpack,{name}-{version}.tar.gz)
\t@echo -e "\\n`date`\\n" >test-logs/$@
\t@{script} >>logs/$@ 2>&1 && echo -e "\\nKB: {after}\\t/\\n" >>logs/$@
\t@touch $@ && echo -e "\\n Target \\e[1;34m$@ \\e[1mOK"
"""


class Tree:
    """Packages are (target, version, C source)."""

    def __init__(self, root: Path, packages: list[tuple[str, str, str]]) -> None:
        self.root = root
        self.make_log = root / "make.log"
        for folder in ("logs", "test-logs", "lfs-commands/chapter05", "sources"):
            (root / folder).mkdir(parents=True)
        rules = [
            "SHELL = /bin/bash",
            "# Generated on 2026-01-01 10:00:00 UTC",
            "define unpack\n  true $(1)\nendef",
            "all: LUSER",
            f"LUSER: {' '.join(target for target, _, _ in packages)}",
            "020-creatingtoolsdir:\n\t@touch $@",
        ]
        previous = "020-creatingtoolsdir"
        for number, (target, version, source) in enumerate(packages):
            name = target.split("-", 1)[1]
            self.pack(name, version, source)
            rules.append(
                _RULE.format(
                    target=target,
                    previous=previous,
                    name=name,
                    version=version,
                    script=self._script(target, name, version),
                    before=1000 * number,
                    after=1000 * number + 512,
                )
            )
            previous = target
        (root / "Makefile").write_text("\n".join(rules) + "\n")

    def pack(self, name: str, version: str, source: str) -> None:
        """The package's archive, made anew."""
        folder = self.root / f"{name}-{version}"
        folder.mkdir(exist_ok=True)
        (folder / "main.c").write_text(source)
        (folder / "configure").write_text(_CONFIGURE)
        (folder / "configure").chmod(0o755)
        with tarfile.open(self.root / "sources" / f"{name}-{version}.tar.gz", "w:gz") as archive:
            archive.add(folder, arcname=folder.name)

    def make(self, *targets: str) -> int:
        """Run make as a person would, its output appended to `make.log`."""
        with self.make_log.open("ab") as log:
            done = subprocess.run(
                ["make", "-C", str(self.root), *targets], stdout=log, stderr=subprocess.STDOUT, check=False
            )
        return done.returncode

    def _script(self, target: str, name: str, version: str) -> Path:
        script = self.root / "lfs-commands" / "chapter05" / target
        script.write_text(
            _SCRIPT.format(
                sources=self.root / "sources",
                name=name,
                version=version,
                test_log=self.root / "test-logs" / target,
                root=self.root,
            )
        )
        script.chmod(0o755)
        return script
