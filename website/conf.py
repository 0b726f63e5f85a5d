"""Sphinx configuration of the website; `make website` collects the sources of its pages in build/website-source."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]

from website import sphinx_hooks  # noqa: E402

project = html_title = "Deep recurrent neural networks"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
smartquotes = False
suppress_warnings = ["myst.header"]  # the original notebook skips a level of headings; docutils closes the gap

nb_execution_mode = "off"  # show the stored outputs
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

default_role = "py:obj"  # `name` in a docstring is code, and a link if the name is documented
napoleon_custom_sections = ["Source"]
autodoc_preserve_defaults = True  # otherwise, the signatures contain paths of this machine
autodoc_member_order = "bysource"
add_module_names = False

html_theme = "sphinx_book_theme"
html_theme_options = {
    "home_page_in_toc": True,
    "path_to_docs": "notebooks",
    "navbar_persistent": [],
    "footer_content_items": [],
}
if sphinx_hooks.repository():
    html_theme_options |= {
        "repository_url": sphinx_hooks.repository(),
        "repository_branch": "HEAD",
        "use_repository_button": True,
        "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
    }
    if sphinx_hooks.repository().startswith("https://github.com/"):  # Colab opens only notebooks on GitHub
        html_theme_options["launch_buttons"]["colab_url"] = "https://colab.research.google.com"
templates_path = ["_templates"]
html_sidebars = {"**": ["search-button-field.html", "sbt-sidebar-nav.html"]}
html_context = {"default_mode": "auto"}
html_static_path = ["_static", "../tools/style.css"]
html_css_files = ["style.css"]
html_favicon = "_static/favicon.svg"
html_use_index = html_domain_indices = html_show_copyright = html_show_sphinx = False

setup = sphinx_hooks.setup
