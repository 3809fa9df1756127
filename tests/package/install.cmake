# SPDX-License-Identifier: MIT
# Installs a build into an empty prefix: nothing of an older installation is left there.
#   cmake -DBUILT=build -DPREFIX=prefix -P install.cmake
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILT} --prefix ${PREFIX} COMMAND_ERROR_IS_FATAL ANY)
