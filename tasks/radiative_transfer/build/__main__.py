"""Build the radiative-transfer table: ``python -m tasks.radiative_transfer.build --out FILE [--work FOLDER]``.

Needs the build packages (see the optional extra) and the system library libgfortran5. Less than half an hour of
processor time; a second run with the same work folder continues where the first ended.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tasks.radiative_transfer.build import grid, jobs
from tasks.radiative_transfer.build.assemble import assemble, differences, write
from tasks.radiative_transfer.build.responses import write_responses
from tasks.radiative_transfer.load import TABLE_FILE


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tasks.radiative_transfer.build", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="table file to write (.npz)")
    parser.add_argument("--work", type=Path, help="folder that keeps finished pieces (default: a temporary one)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--responses", type=Path, help="also write the default spectral responses to this file (.npz)")
    return parser.parse_args()


def main() -> None:
    """Build, report the difference to the shipped table, write."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        work = (arguments.work or Path(folder)) / grid.digest()
        work.mkdir(parents=True, exist_ok=True)
        with get_context("spawn").Pool(arguments.processes) as pool:
            for stage in (jobs.first_jobs(), jobs.scattering_jobs()):
                for count, job in enumerate(pool.imap_unordered(partial(jobs.run, work=work), stage), start=1):
                    print(f"{count}/{len(stage)} {job[0]} {job[1]} {job[2]}", flush=True)
        arrays = assemble(work)
    if TABLE_FILE.exists():
        for name, difference in differences(arrays, TABLE_FILE).items():
            print(f"largest difference to the shipped table: {name} {difference:.2e}")
    write(arrays, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")
    if arguments.responses:
        write_responses(arguments.responses)


if __name__ == "__main__":
    main()
