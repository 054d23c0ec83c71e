"""`make demo`: five kinds of jobs, from a REST call to verified media, on a system of its own."""
