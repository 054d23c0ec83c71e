"""The first hints of a process may come from many threads at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from kombu import pools

from fixative.names import CREATE_PREDICTION, Hint

THREADS = 16


def limits():
    """Of each pool that messages are sent through, by which it is."""
    return {id(pool): pool.limit for pool in pools.producers.values()}


def test_what_threads_share_to_send_is_made_before_the_first_of_them_does(new_publisher, environ):
    earlier = limits()
    server, _, _ = environ["REDIS_URL"].rpartition("/")  # whose pool others may have made
    publisher, all_there = new_publisher(REDIS_URL=f"{server}/15"), Barrier(THREADS)
    made = limits()

    def publish(number):
        all_there.wait(60)
        publisher.publish([Hint(CREATE_PREDICTION, {"job_id": str(number)})])

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(publish, range(THREADS)))

    assert [made[pool] for pool in made.keys() - earlier] == [32]
    assert limits() == made
