"""The whole system on one machine: embedded servers and the supervisor behind `fixative up`."""
