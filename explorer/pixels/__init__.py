"""Pictures as arrays: conversion for files and for the browser, and a cache."""
