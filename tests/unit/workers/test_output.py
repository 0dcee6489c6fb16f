"""Output: lines of several processes stay whole, however many are written at once."""

import os
import threading
from select import PIPE_BUF

from proxy.workers.output import lines_to, pieces


def test_lines_go_out_together_as_long_as_they_stay_whole():
    line = b"x" * 999 + b"\n"

    cut = list(pieces(line * 10))

    assert b"".join(cut) == line * 10
    assert [len(piece) for piece in cut] == [4000, 4000, 2000]
    assert max(map(len, cut)) <= PIPE_BUF


def test_a_line_that_is_too_long_goes_by_itself():
    assert list(pieces(b"a\n" + b"x" * PIPE_BUF + b"\n" + b"b\n")) == [b"a\n", b"x" * PIPE_BUF + b"\n", b"b\n"]


def test_nothing_is_no_piece():
    assert list(pieces(b"")) == []


def test_lines_of_two_writers_into_one_pipe_are_never_torn():
    reads, writes = os.pipe()
    heard = bytearray()

    def write(letter):
        stream = lines_to(writes)
        for _ in range(20):
            stream.write("".join(letter * 300 + "\n" for _ in range(50)))

    def read():
        while data := os.read(reads, 65536):
            heard.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    writers = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    os.close(writes)
    reader.join()
    os.close(reads)

    lines = heard.decode().splitlines()
    assert len(lines) == 2 * 20 * 50
    assert set(lines) == {"a" * 300, "b" * 300}


def test_a_stream_knows_whether_it_is_a_terminal_and_leaves_its_descriptor_open():
    reads, writes = os.pipe()
    stream = lines_to(writes)

    assert not stream.isatty()
    stream.close()
    assert os.write(writes, b"still") == 5

    os.close(reads)
    os.close(writes)


def test_what_is_no_text_is_written_all_the_same():
    reads, writes = os.pipe()
    lines_to(writes).write("caf\udce9\n")

    assert os.read(reads, 100) == b"caf\\udce9\n"
    os.close(reads)
    os.close(writes)
