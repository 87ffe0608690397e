"""Tests of what is started on this machine, and of what the tests on live fleets are made of; none takes privileges."""
