"""python -m proxy.workers is a worker, started by a supervisor."""

import gc

gc.set_threshold(100_000, 50, 50)  # as where larder starts

from proxy.workers.worker import main  # noqa: E402

if __name__ == "__main__":
    main()
