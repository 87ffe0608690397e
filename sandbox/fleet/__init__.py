"""The whole fleet on this machine: brought up stage by stage, shown on one page, and taken down."""
