#include "landing_page.hpp"

namespace countersign::http {

std::string landing_page() {
    // The sentences are those monitoring scripts for NDES search for (ndes reference A1).
    return "<!DOCTYPE html>\n"
           "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Network Device Enrollment Service</title></head>\n"
           "<body>\n"
           "<p id=\"locPageTitle\">Network Device Enrollment Service allows you to obtain certificates for routers or "
           "other network "
           "devices using the Simple Certificate Enrollment Protocol (SCEP).</p>\n"
           "<p>This URL is used by network devices to submit certificate requests.</p>\n"
           "<p>To obtain an enrollment challenge password, go to the admin URL. By default, the admin URL is "
           "http://&lt;host&gt;/CertSrv/mscep_admin</p>\n"
           "</body></html>\n";
}

}  // namespace countersign::http
