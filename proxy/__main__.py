"""python -m proxy is larder."""

from proxy.cli import main

main()
