# For x86_64 and ARM. `make test-container` runs the same two commands without a container engine.
# Debian bookworm has Python 3.11, for which d2l pins its dependencies.
FROM debian:bookworm-slim AS system
ARG NB_USER=student
ARG NB_UID=1000
COPY tools/install/container.sh /usr/local/bin/
RUN container.sh
USER ${NB_USER}

FROM system
ARG NB_USER=student
# .venv-classroom also has nbgrader and JupyterHub, for a class on Kubernetes (docs/jupyterhub.md).
ARG VENV=.venv
COPY --chown=${NB_USER} . /home/${NB_USER}/deep-rnn
WORKDIR /home/${NB_USER}/deep-rnn
RUN make ${VENV}/installed
ENV PATH=/home/${NB_USER}/deep-rnn/${VENV}/bin:${PATH}
EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "--notebook-dir=notebooks", \
  "--LabApp.app_settings_dir=tools/install/lab"]
