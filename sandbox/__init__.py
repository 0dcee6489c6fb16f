"""Faithful stand-ins for CourseWorks (Canvas), Smarty and Google, with faults, changes and a journal on demand."""
