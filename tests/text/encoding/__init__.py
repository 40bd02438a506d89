"""Tests of many texts, long ones and files."""
