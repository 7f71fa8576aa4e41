from __future__ import annotations

import time

from creds_session.system.processes.jobs import TimedJobs


def late() -> str:
    time.sleep(5)
    return "late"


def test_jobs_wait_side_by_side_and_are_given_up_together() -> None:
    began = time.monotonic()
    jobs = TimedJobs(0.5)
    slow = [jobs.start(f"slow {n}", late, "none") for n in range(5)]
    quick = jobs.start("quick", lambda: "in time", "none")
    assert [one() for one in slow] == ["none"] * 5
    assert quick() == "in time"
    assert time.monotonic() - began < 2
    assert jobs.failed == [f"slow {n}: nothing within its time" for n in range(5)]


def test_a_job_that_fails_is_named_once() -> None:
    def fail() -> int:
        raise OSError("denied")

    jobs = TimedJobs(1)
    result = jobs.start("read", fail, 7)
    assert (result(), result()) == (7, 7)
    assert jobs.failed == ["read: OSError: denied"]
