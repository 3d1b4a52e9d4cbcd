"""Opens a folder of definitions, and knows every kind of study."""

from steelyard.project.definitions import Definitions
from steelyard.project.kinds import STUDIES, kinds, study_from
from steelyard.project.project import Project, open_project
from steelyard.project.settings import Settings, Target

__all__ = ["STUDIES", "Definitions", "Project", "Settings", "Target", "kinds", "open_project", "study_from"]
