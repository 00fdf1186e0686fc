"""Security checks of a build host: reads files and services, judges, reports findings. Runs nothing it finds."""

from __future__ import annotations

from collectors.security.catalogue import CHECKS
from collectors.security.check import Check, Finding
from collectors.security.compliance import ComplianceSummary, summarise
from collectors.security.findings import ScanMemory, load_memory, report, save_memory
from collectors.security.policy import ScanPolicy
from collectors.security.reader import HostReader
from collectors.security.scan import Scan, scan

__all__ = ["CHECKS", "Check", "ComplianceSummary", "Finding", "HostReader", "Scan", "ScanMemory", "ScanPolicy"]
__all__ += ["load_memory", "report", "save_memory", "scan", "summarise"]
